"""coremltools' own tests, run with this project's executor in the place of Core ML's prediction."""
