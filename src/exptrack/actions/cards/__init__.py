"""What a run, model or data set is known to be, for people and for the Hub; and the same as an in-toto statement."""
