"""What several tests share: examples to try, runs made up, models whose answers are known."""
