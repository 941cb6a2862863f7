"""A compatibility suite for Kafka brokers: real clients, in many versions, against any broker.

It is black box: it speaks to a broker by its bootstrap address alone and never imports kafkalite, only the codec of the wire
format (`kafkalite_protocol`) for its own questions.
"""
