import Model
import Testing

/// Lets a process open no descriptor from this number on; what is open stays open.
public func limitDescriptors(of pid: Int32, to number: Int) throws {
  let words = ["--pid", "\(pid)", "--nofile=\(number):"]
  try #require(try Child("/usr/bin/prlimit", words, environment: [:]).wait() == .code(0))
}
