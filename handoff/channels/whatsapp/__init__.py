"""WhatsApp's Cloud API (docs/adr/0028, 0029, 0030, 0031).

In: `payload` reads what Meta posts, `addresses` knows whose conversation a number is, `intake` stores every item,
`media` fetches files.
Out: `claiming` takes the next message, `shape` makes it fit, `pacing` says when, `graph` asks the API, `settling`
records what became of it, `ties` knows which post a report is of, `sending` is the order of these, `outcome` how
patiently. `inviting` when only `templates`
may go, `telling` to numbers given on the web. `attention` marks as read and shows typing. `check` looks whether all is
set up.
"""
