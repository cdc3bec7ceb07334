"""Small parts with no opinion: secrets, clocks, named SQL, processes. Standard library only."""
