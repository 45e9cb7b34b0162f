"""Who is told of an alert, and in which words: the rules, the file they stand in, messages, and channels."""
