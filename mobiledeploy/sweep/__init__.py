"""Many models exported, each in a process of its own, with a results file that any interruption leaves resumable."""
