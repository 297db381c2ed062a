/// Takes the values of a record, in order: the parameters of a statement, or an entry of a spill.
protocol ValueSink {
  mutating func add(_ value: Int64?)
  mutating func add(_ value: Double?)
  mutating func add(_ value: String?)
}

/// Gives the values of a record, in the same order.
protocol ValueSource {
  mutating func integer() -> Int64?
  mutating func number() -> Double?
  mutating func text() -> String?
}
