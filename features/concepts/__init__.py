"""What the features are about: one file a concept, one definition a feature or family."""
