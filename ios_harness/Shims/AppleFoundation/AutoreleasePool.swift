/// Apple's frees what the body released automatically. There is nothing of that kind here.
@inlinable
public func autoreleasepool<Failure: Error, Result: ~Copyable>(
    invoking body: () throws(Failure) -> Result
) throws(Failure) -> Result {
    try body()
}
