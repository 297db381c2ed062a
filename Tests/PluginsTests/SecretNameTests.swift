import Support
import Testing

@testable import Plugins

@Suite(.tags(.small))
struct SecretNameTests {
  @Test(arguments: [
    "API_KEY", "HELLO_KEY_ID", "ANTHROPIC_API_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "GITHUB_TOKEN",
    "GITHUBTOKEN", "githubtoken", "accessToken", "openAIKey", "OPENAI_APIKEY", "APIKEY", "apiKey2", "GH_PAT",
    "SENTRY_DSN",
    "DB_PASS", "MYSQL_PWD", "PGPASSWORD", "dbPassword", "TOKEN", "TOKEN2", "SSH_PASSPHRASE", "npm_config__authToken",
    "GOOGLE_APPLICATION_CREDENTIALS", "SESSION_COOKIE", "CLAUDE_CODE_OAUTH_TOKEN", "my-secret",
    "AZURE_CONNECTION_STRING",
    "JWT", "GIT_CREDS", "SIGNINGKEY",
  ])
  func `looks like a secret`(name: String) { #expect(SecretName.matches(name)) }

  @Test(arguments: [
    "PATH", "PWD", "OLDPWD", "HOME", "KEYBOARD", "MONKEY", "AUTHOR", "GIT_AUTHOR_NAME", "MAX_TOKENS", "PASS_THROUGH",
    "BYPASS", "COMPASS", "PATTERN", "PATCH", "TOKENIZERS_PARALLELISM", "XAUTHORITY", "EDITOR", "SECRETARY", "", "_",
    "HELLO_TOKENS_MAX", "PASS", "KEYS_FILE", "CLAUDE_CODE_MAX_OUTPUT_TOKENS",
  ])
  func `does not look like one`(name: String) { #expect(!SecretName.matches(name)) }

  @Test
  func `what every program gets is no secret, whatever it is called`() {
    #expect(!EnvironmentRules.looksSecret("SSH_AUTH_SOCK"))
    for name in EnvironmentRules.base { #expect(!EnvironmentRules.looksSecret(name)) }
  }
}
