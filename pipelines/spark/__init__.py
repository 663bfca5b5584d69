"""How do the workers of a Spark cluster help? They do what is done lead by lead, on shares of whole accounts."""
