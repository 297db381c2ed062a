public import Testing

extension Tag {
  /// No process, no disk.
  @Tag public static var small: Self
  /// Real files and descriptors.
  @Tag public static var medium: Self
  /// Real processes.
  @Tag public static var large: Self
}
