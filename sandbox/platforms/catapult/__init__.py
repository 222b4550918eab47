"""ECRS CATAPULT: shoppers and their text-marketing flag, tills and web carts."""
