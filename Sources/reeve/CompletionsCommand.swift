/// `reeve completions SHELL`
///
/// A shell gets a few lines that ask `reeve` again, by `reeve completions for -- WORD…`, whenever somebody presses the
/// key: what there is to say is made from the table of commands, in one place for all shells, and never out of date.
enum CompletionsCommand {
  static var command: Command {
    Command(
      name: "completions", words: "SHELL", least: 1, most: .max, options: [],
      summary: "Prints what completes the words of reeve in bash, zsh or fish.", run: run)
  }

  private static func run(_ arguments: Arguments) throws -> ExitCode {
    switch arguments.words[0] {
    case "for":
      let candidates = Completion(of: Array(arguments.words.dropFirst())).candidates
      Terminal.print(candidates.map { Terminal.printable("\($0.text)\t\($0.meaning)") + "\n" }.joined())
    case let name:
      guard let shell = Shell(rawValue: name), arguments.words.count == 1 else {
        throw CommandFailure(
          .usage, "reeve completions \(name): it is one of \(Shell.allCases.map(\.rawValue).joined(separator: ", "))")
      }
      Terminal.print(shell.script)
    }
    return .succeeded
  }
}

/// A shell that asks for completions.
enum Shell: String, CaseIterable {
  case bash, zsh, fish

  /// What it has to be told. Where Reeve has nothing to say, each offers files.
  var script: String {
    switch self {
    case .bash:
      #"""
      # source <(reeve completions bash)
      _reeve() {
        local line
        COMPREPLY=()
        while IFS= read -r line; do
          COMPREPLY+=("${line%%$'\t'*}")
        done < <(reeve completions for -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
        # A name of a limit wants its value behind it.
        [[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace 2>/dev/null
        return 0
      }
      complete -o default -F _reeve reeve

      """#
    case .zsh:
      #"""
      #compdef reeve
      # source <(reeve completions zsh)
      _reeve() {
        local line
        local -a found
        for line in "${(@f)$(reeve completions for -- "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
          [[ -n $line ]] && found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
        done
        if (( $#found )); then _describe -V reeve found; else _files; fi
      }
      (( $+functions[compdef] )) && compdef _reeve reeve

      """#
    case .fish:
      #"""
      # reeve completions fish | source
      function __reeve_complete
        set -l words (commandline -opc) (commandline -ct)
        set -l found (reeve completions for -- $words[2..] 2>/dev/null)
        if test (count $found) -gt 0
          printf '%s\n' $found
        else
          __fish_complete_path (commandline -ct)
        end
      end
      complete -c reeve -f -a '(__reeve_complete)'

      """#
    }
  }
}
