"""Setting runs beside each other: groups of seeds, bands, verdicts, and published numbers."""
