"""What does each job do? Plain functions that return what came of them; flows and commands only call."""
