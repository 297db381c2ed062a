import Support
import Testing
import Wire

/// The vectors of JSONTestSuite, which are not ours to copy: a variable of the environment names their folder.
private let suite: (folder: String, names: [String])? = {
  guard let folder = TestEnvironment.value("REEVE_JSON_SUITE") else {
    skip("the JSON test suite: REEVE_JSON_SUITE names no folder")
    return nil
  }
  guard let names = TestFile.names(in: folder)?.filter({ $0.hasSuffix(".json") }), names.count >= 300 else {
    skip("the JSON test suite: \(folder) does not hold the vectors")
    return nil
  }
  return (folder, names)
}()

// Where there are no vectors the tests count as skipped, and a line on stderr says why.
@Suite(.tags(.medium), .enabled(if: suite != nil, "the vectors of the JSON test suite are missing"))
struct JSONSuiteTests {
  /// What the suite leaves open and Reeve decides: numbers beyond every range are good JSON; what is not UTF-8, or could
  /// not be made UTF-8, is noise, and so is a byte order mark.
  static let choices: [(prefix: String, finding: Finding)] = [
    ("i_number_", .value),
    ("i_structure_500_nested_arrays", .value),
    ("i_structure_UTF-8_BOM_empty_object", .noise(.notJSON)),
    ("i_object_key_lone_2nd_surrogate", .noise(.loneSurrogate)),
    ("i_string_1st_", .noise(.loneSurrogate)),
    ("i_string_incomplete_surrogate", .noise(.loneSurrogate)),
    ("i_string_invalid_lonely_surrogate", .noise(.loneSurrogate)),
    ("i_string_invalid_surrogate", .noise(.loneSurrogate)),
    ("i_string_inverted_surrogates", .noise(.loneSurrogate)),
    ("i_string_lone_second_surrogate", .noise(.loneSurrogate)),
    ("i_string_UTF-16LE_with_BOM", .noise(.notJSON)),
    ("i_string_utf16", .noise(.notJSON)),
    ("i_string_", .noise(.invalidUTF8)),
  ]

  @Test func `every vector is judged as the suite or our choice says`() throws {
    let suite = try #require(suite)
    for name in suite.names {
      let text = try #require(TestFile.read("\(suite.folder)/\(name)"))
      let found = finding(text)
      switch name.prefix(2) {
      case "y_": #expect(found == .object || found == .value, "\(name)")
      case "n_": #expect(found != .object && found != .value, "\(name)")
      default:
        let choice = Self.choices.first { name.hasPrefix($0.prefix) }
        #expect(found == choice?.finding, "\(name)")
      }
    }
  }

  @Test func `json-c takes every vector that the scanner takes, and what is written back reads the same`() throws {
    let suite = try #require(suite)
    for name in suite.names {
      let text = try #require(TestFile.read("\(suite.folder)/\(name)"))
      switch finding(text) {
      case .noise: #expect(throws: WireError.self, "\(name)") { try JSON.parse(text) }
      // A key that json-c would cut short is the one thing that is JSON and yet no tree.
      case .object where name.contains("escaped_null_in_key"): #expect(throws: WireError.self) { try JSON.parse(text) }
      case .object, .value:
        let value = try JSON.parse(text)
        if !value.text.contains("null") { #expect(try JSON.parse(value.text) == value, "\(name)") }
      }
    }
  }
}
