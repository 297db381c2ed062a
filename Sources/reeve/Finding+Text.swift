internal import Host

extension Doctor.Finding {
  /// As people read it.
  var text: String {
    let mark =
      switch health {
      case .fine: "ok    "
      case .weak: "weak  "
      case .broken: "BROKEN"
      }
    let remedy = remedy.map { "        → \($0)\n" } ?? ""
    return Terminal.printable("\(mark)  \(subject): \(what)\n\(remedy)")
  }
}
