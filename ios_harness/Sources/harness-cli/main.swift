import Foundation
import HarnessCommands

let work = Task { await HarnessCommand().run(Array(CommandLine.arguments.dropFirst())) }

// Interrupted or asked to end: the lease is given back before the program leaves.
let interrupts = [SIGINT, SIGTERM].map { number in
    signal(number, SIG_IGN)
    let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
    source.setEventHandler { work.cancel() }
    source.resume()
    return source
}

let status = await work.value
withExtendedLifetime(interrupts) {}
exit(status)
