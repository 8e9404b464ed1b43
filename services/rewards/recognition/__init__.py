"""What citizens have done and given: a projection of verdicts and of donations, for badges and rankings."""
