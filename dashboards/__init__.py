"""What a person sees: pure figures, the one-file report and the words of both languages."""
