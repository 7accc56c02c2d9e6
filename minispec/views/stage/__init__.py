"""One page that shows a decode to a lecture hall: data and steps from Python, drawn by one script."""
