"""The agreement between sales and marketing: its keys, its files, its conditions, and whether it contradicts itself."""
