package identity

import (
	"bytes"
	"encoding/pem"
)

// armourType is the label of an armoured card.
const armourType = "CORDON CARD"

// maxArmour is above what the largest card needs in base64 with line ends.
const maxArmour = 2 * MaxCard

// Armour writes a card as text (PEM, RFC 7468), for mail and terminals.
func Armour(raw []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: armourType, Bytes: raw})
}

// Unarmour reads what Armour wrote: exactly one card, with nothing but white
// space around it; line ends may be CRLF. Every other text is ErrArmour, so that
// what a person sees in the file is what is read. The card is not judged.
func Unarmour(text []byte) ([]byte, error) {
	if len(text) > maxArmour {
		return nil, ErrSize
	}
	text = bytes.TrimSpace(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")))
	block, _ := pem.Decode(text)
	if block == nil || len(block.Bytes) > MaxCard {
		return nil, ErrArmour
	}
	if !bytes.Equal(bytes.TrimSpace(Armour(block.Bytes)), text) {
		return nil, ErrArmour // another type, headers, a second block, another way to wrap lines
	}
	return block.Bytes, nil
}
