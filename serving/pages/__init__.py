"""What people look at: the report, the model card, and the plots."""
