"""Which what-ifs may be asked of the costs, and how are they typed?"""
