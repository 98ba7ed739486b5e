"""The statement once more in fields that anyone can read, and anyone can change: XMP with the IPTC's source type and
the `AIGC` field of China's GB 45438-2025, annex E."""

import json
import struct
import uuid
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from vasa_jax.provenance.manifest import SOURCE_TYPE, describe
from vasa_jax.provenance.record import Record

XMP_BOX = uuid.UUID("be7acfcb-97a9-42e8-9c71-999491e3afac")  # ISO 16684-1: XMP in an mp4
PRODUCER = "vasa-jax"
IS_GENERATED = "1"


def xmp(record: Record, label: str) -> bytes:
    """The XMP packet of a run's output."""
    aigc = {
        "Label": IS_GENERATED, "ContentProducer": PRODUCER, "ProduceID": record.run, "ReservedCode1": "",
        "ContentPropagator": "", "PropagateID": "", "ReservedCode2": "",
    }  # fmt: skip
    attributes = {
        "Iptc4xmpExt:DigitalSourceType": SOURCE_TYPE,
        "xmp:CreatorTool": f"{PRODUCER} {record.version}",
        "xmp:CreateDate": record.time,
        "TC260:AIGC": json.dumps(aigc),
    }
    given = "\n    ".join(f"{name}={quoteattr(value)}" for name, value in attributes.items())
    told = escape(json.dumps(describe(record, label)))
    text = f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:TC260="http://www.tc260.org.cn/ns/AIGC/1.0/"
    {given}>
   <dc:description><rdf:Alt><rdf:li xml:lang="x-default">{told}</rdf:li></rdf:Alt></dc:description>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""
    return text.encode()


def append_to_mp4(path: str | Path, packet: bytes) -> None:
    """Put the packet into a box of its own at the end of a finished mp4."""
    box = b"uuid" + XMP_BOX.bytes + packet
    with open(path, "ab") as file:
        file.write(struct.pack(">I", len(box) + 4) + box)
