"""What is measured, against what, and the bars that must hold: `make bench`, or `make bench ONLY=todos`."""
