import Support
import Testing

@testable import Plugins

@Suite(.tags(.small))
struct TemplateTests {
  @Test(arguments: [
    "", "{", "}", "{}", "{{}}", "{ prompt }", "{Prompt}", "{prompt", "prompt}", "{prompt-x}", "{a b}", #"{"a": 1}"#,
    "${HOME}", "{1}", "{é}", "a{b", "{{prompt",
  ])
  func `braces that hold no word stand for themselves`(text: String) throws {
    let template = try Template(text)
    #expect(template.placeholders == [])
    #expect(try template.filled(with: [.prompt: "P"]) == text)
  }

  @Test(arguments: [
    ("{prompt}", "P"), ("{{prompt}}", "{P}"), ("a{prompt}b{prompt}c", "aPbPc"), ("{prompt}{cwd}", "P/work"),
    ("{{{prompt}", "{{P"), ("{\"p\": \"{prompt}\"}", "{\"p\": \"P\"}"), ("{}{prompt}{}", "{}P{}"),
  ])
  func `a placeholder is filled in wherever it stands`(text: String, expected: String) throws {
    #expect(try Template(text).filled(with: [.prompt: "P", .cwd: "/work"]) == expected)
  }

  @Test(arguments: [("{promt}", "promt"), ("a {prompt} {x}", "x"), ("{_}", "_"), ("{prompt_files}", "prompt_files")])
  func `a word that is no placeholder is refused by name`(text: String, word: String) {
    let error = #expect(throws: Template.UnknownPlaceholder.self) { _ = try Template(text) }
    #expect(error?.word == word)
  }

  @Test
  func `the first placeholder without a value is named`() throws {
    let template = try Template("{prompt}{session}{model}")
    let error = #expect(throws: Template.MissingValue.self) { _ = try template.filled(with: [.prompt: "P"]) }
    #expect(error?.placeholder == .session)
  }
}
