"""The whole trip on one machine: a simulated Heroku, an emulated AWS, and real servers beneath both."""
