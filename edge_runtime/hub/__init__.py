"""The hub: stores, routes and delivers messages, keeps twins and sessions. Knows no protocol."""
