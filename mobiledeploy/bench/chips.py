"""Which iPhone a hardware name is, and which chip it has: a device class is a chip."""

from __future__ import annotations

__all__ = ["chip_of", "phone_named"]

_PHONES = {
    "A11": "10,1 iPhone 8; 10,4 iPhone 8; 10,2 iPhone 8 Plus; 10,5 iPhone 8 Plus; 10,3 iPhone X; 10,6 iPhone X",
    "A12": "11,2 iPhone XS; 11,4 iPhone XS Max; 11,6 iPhone XS Max; 11,8 iPhone XR",
    "A13": "12,1 iPhone 11; 12,3 iPhone 11 Pro; 12,5 iPhone 11 Pro Max; 12,8 iPhone SE (2nd generation)",
    "A14": "13,1 iPhone 12 mini; 13,2 iPhone 12; 13,3 iPhone 12 Pro; 13,4 iPhone 12 Pro Max",
    "A15": "14,4 iPhone 13 mini; 14,5 iPhone 13; 14,2 iPhone 13 Pro; 14,3 iPhone 13 Pro Max; "
    "14,6 iPhone SE (3rd generation); 14,7 iPhone 14; 14,8 iPhone 14 Plus",
    "A16": "15,2 iPhone 14 Pro; 15,3 iPhone 14 Pro Max; 15,4 iPhone 15; 15,5 iPhone 15 Plus",
    "A17 Pro": "16,1 iPhone 15 Pro; 16,2 iPhone 15 Pro Max",
    "A18": "17,3 iPhone 16; 17,4 iPhone 16 Plus; 17,5 iPhone 16e",
    "A18 Pro": "17,1 iPhone 16 Pro; 17,2 iPhone 16 Pro Max",
    "A19": "18,3 iPhone 17",
    "A19 Pro": "18,1 iPhone 17 Pro; 18,2 iPhone 17 Pro Max; 18,4 iPhone Air",
}
"""By chip: the number in the kernel's name (`hw.machine`, iPhone13,2) and the name that Apple sells it by."""

_NAMES = {
    f"iPhone{number}": (name, chip)
    for chip, phones in _PHONES.items()
    for number, _, name in (phone.partition(" ") for phone in phones.split("; "))
}
_CHIPS = dict(_NAMES.values())


def phone_named(hardware: str) -> str | None:
    """The name that Apple sells it by, e.g. "iPhone 12" for "iPhone13,2"; None for hardware that is not known."""
    return _NAMES[hardware][0] if hardware in _NAMES else None


def chip_of(device: str) -> str | None:
    """The chip of a hardware name or a sales name; None where it is not known."""
    return _NAMES[device][1] if device in _NAMES else _CHIPS.get(device)
