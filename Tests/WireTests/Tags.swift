import Testing

extension Tag {
  /// No process, no disk.
  @Tag static var small: Self
  /// Real files and descriptors.
  @Tag static var medium: Self
  /// Real processes.
  @Tag static var large: Self
}
