"""How many tasks a score has to rest on before anything is said of it. Imports nothing: every page may ask."""

FEWEST = 20  # tasks; of fewer a mean's interval says nothing
LOST = 0.05  # share of tasks without a finite score beyond which those that are left say nothing of the rest
