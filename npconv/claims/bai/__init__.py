"""The claims of K. Bai's "A Comprehensive Introduction to Different Types of Convolutions in Deep Learning" (2019)."""
