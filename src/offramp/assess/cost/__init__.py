"""Assess, cost: what is paid today, what would be paid on AWS, line by line with sources, and is it worth it?"""
