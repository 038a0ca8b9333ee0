import Foundation
import HarnessCommands

let work = Task { await HarnessCommand().run(Array(CommandLine.arguments.dropFirst())) }

// Interrupted or asked to end: the lease is given back before the program leaves.
let interrupts = [SIGINT, SIGTERM].map { number in
    signal(number, SIG_IGN)
    let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
    // Not the main actor's, whose this file is: Dispatch calls it on a queue of its own.
    source.setEventHandler { @Sendable in work.cancel() }
    source.resume()
    return source
}

let status = await work.value
withExtendedLifetime(interrupts) {}
exit(status)
