"""WhatsApp's Cloud API (docs/adr/0028, 0029).

In: `payload` reads what Meta posts, `addresses` knows whose conversation a number is, `intake` stores every item,
`media` fetches files.
Out: `shape` makes messages of ours fit, `outcome` reads refusals, `graph` asks the API, `sending` posts,
`inviting` when only templates may go. `check` looks whether all is set up.
"""
