"""What a person takes away from a run or a comparison: tables, config and command, a trained learner, a report."""
