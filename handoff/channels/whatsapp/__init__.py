"""WhatsApp's Cloud API (docs/adr/0028): `payload` reads what Meta posts, `addresses` knows whose conversation a number
is, `intake` stores every item of it."""
