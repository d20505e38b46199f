"""Stream server: WebSocket grid stream, health and the built page."""
