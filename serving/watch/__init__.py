"""Monitoring: is what comes in whole, does it look as it did, does sales answer as was expected, is all on time?"""
