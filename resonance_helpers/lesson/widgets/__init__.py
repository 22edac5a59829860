"""What a learner touches: a module for each topic, on one base."""
