"""Bug or rounding: two recorded runs of one prompt, compared row by row.  No run is repeated, no model is asked."""
