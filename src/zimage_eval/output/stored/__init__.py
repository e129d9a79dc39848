"""What the store is asked by: keys of its entries, their use, and pictures held to their pixels."""
