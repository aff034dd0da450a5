"""The documents of all services made one, and the page that shows them."""
