internal import Glibc
internal import Kernel

/// A new plugin, to begin one's own from: it works as it is, and tells how agents talk to Reeve.
public struct Scaffold: Sendable {
  /// The folder that was made.
  public let folder: String
  /// The files in it.
  public let files: [String]

  /// Makes a plugin in a place, which is made as well if it is not there. What is there already is never touched.
  public static func make(_ name: String, in place: String) throws(PluginError) -> Scaffold {
    guard Manifest.isName(name) else {
      throw PluginError(.badRequest, "“\(name)” is no plugin name: use a-z, 0-9, - and _, at most 64 of them")
    }
    // It could not be used from a place that others can write to.
    if (try? Directory.openMaking(place)) != nil { try Tamperproof.check(place) }
    do throws(SystemError) {
      let root = try Directory.openMaking(place)
      do {
        try root.makeDirectory(name)
      } catch {
        guard error.code == EEXIST else { throw error }
        throw SystemError(call: "mkdir", code: EEXIST, detail: "\(root.path)/\(name)")
      }
      let folder = try root.openDirectory(name)
      let script = "\(name).sh"
      do {
        try write(manifest(name), to: Manifest.fileName, in: folder, mode: 0o600)
        try write(Self.script(name), to: script, in: folder, mode: 0o700)
      } catch {
        // Half a plugin would only be in the way of the next attempt.
        for file in [Manifest.fileName, script] { try? folder.remove(file) }
        try? root.removeDirectory(name)
        throw error
      }
      let path = try folder.descriptor.realPath()
      return Scaffold(folder: path, files: [Manifest.fileName, script].map { "\(path)/\($0)" })
    } catch {
      guard error.code == EEXIST else { throw PluginError(.badPlace, "the plugin cannot be made: \(error)") }
      throw PluginError(.badRequest, "\(place)/\(name) is there already; nothing was changed")
    }
  }

  private static func write(
    _ text: String, to name: String, in folder: borrowing Directory, mode: UInt32
  ) throws(SystemError) {
    let file = try folder.openFile(name, flags: O_WRONLY | O_CREAT | O_EXCL, mode: mode)
    try file.writeAll(Array(text.utf8).span.bytes)
  }

  private static func manifest(_ name: String) -> String {
    """
    {
      "name": "\(name)",
      "version": "1",
      "description": "Says what it was asked.",
      "command": ["./\(name).sh", "--", "{prompt}"],
      "check": ["./\(name).sh", "--version"],
      "limits": {"wall": "10m"}
    }

    """
  }

  private static func script(_ name: String) -> String {
    #"""
    #!/bin/sh
    # An agent for Reeve. It is called as plugin.json says, in the directory of whoever asks; there is nothing to read
    # on its standard input. What it prints is one JSON object a line:
    #
    #   {"type":"text","text":"…"}                               a piece of the answer
    #   {"type":"progress","message":"…","done":1,"total":3}     how far it is
    #   {"type":"tool","id":"t1","name":"…","state":"started"}   a tool; later "finished", with "ok":true or false
    #   {"type":"usage","input_tokens":10,"output_tokens":3}     what it used; "cost_usd" as well, if it is known
    #   {"type":"session","id":"…"}                              what “resume” in plugin.json gets as {session}
    #   {"type":"result","status":"ok","output":"…"}             the final word: it is done. The output may be any JSON
    #   {"type":"result","status":"error","error":"why"}         the final word: it failed
    #
    # Everything else it prints is kept in the transcript, and what it writes to standard error as well.

    # Writes a text as a JSON string: \ and " and control characters are escaped, nothing else need be.
    json() {
      printf '%s\n' "$1" | LC_ALL=C awk '
        function replaced(text, found, by,   count, parts, at, result) {
          count = split(text, parts, found)
          result = parts[1]
          for (at = 2; at <= count; at++) result = result by parts[at]
          return result
        }
        BEGIN { printf "\"" }
        {
          line = replaced($0, "[\\\\]", "\\\\")
          line = replaced(line, "\"", "\\\"")
          if (line ~ /[[:cntrl:]]/)
            for (code = 1; code < 32; code++) line = replaced(line, sprintf("[%c]", code), sprintf("\\u%04x", code))
          printf "%s%s", (NR > 1 ? "\\n" : ""), line
        }
        END { printf "\"" }'
    }

    case ${1-} in
    --version) echo "NAME 1"; exit ;;
    --) shift ;;
    esac
    prompt=${1-}

    if [ -z "$prompt" ]; then
      printf '{"type":"result","status":"error","error":"ask me something"}\n'
      exit 1
    fi

    printf '{"type":"tool","id":"t1","name":"date","state":"started"}\n'
    now=$(date)
    printf '{"type":"tool","id":"t1","name":"date","state":"finished","ok":true}\n'

    printf '{"type":"text","text":%s}\n' "$(json "It is $now, and you said: ")"
    printf '{"type":"text","text":%s}\n' "$(json "$prompt
    ")"
    printf '{"type":"result","status":"ok"}\n'

    """#.replacing("NAME", with: name)
  }
}

extension String {
  /// The one place of a word replaced.
  fileprivate func replacing(_ word: String, with text: String) -> String {
    guard let range = firstRange(of: word) else { return self }
    return self[..<range.lowerBound] + text + self[range.upperBound...]
  }
}
