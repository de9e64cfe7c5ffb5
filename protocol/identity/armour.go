package identity

import (
	"bytes"
	"encoding/pem"
)

// The labels of armoured objects.
const (
	armourCard  = "CORDON CARD"
	armourVouch = "CORDON VOUCH"
)

// maxArmour is above what the largest card needs in base64 with line ends.
const maxArmour = 2 * MaxCard

// Armour writes a card as text (PEM, RFC 7468), for mail and terminals.
func Armour(raw []byte) []byte { return armour(armourCard, raw) }

// ArmourVouch writes a vouch as text, in the same form.
func ArmourVouch(raw []byte) []byte { return armour(armourVouch, raw) }

func armour(label string, raw []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: label, Bytes: raw})
}

// Unarmour reads what Armour wrote: exactly one card, with nothing but white
// space around it; line ends may be CRLF. Every other text is ErrArmour, so that
// what a person sees in the file is what is read. The card is not judged.
func Unarmour(text []byte) ([]byte, error) { return unarmour(armourCard, text, MaxCard) }

// UnarmourVouch reads what ArmourVouch wrote, as strictly.
func UnarmourVouch(text []byte) ([]byte, error) { return unarmour(armourVouch, text, MaxVouch) }

func unarmour(label string, text []byte, most int) ([]byte, error) {
	if len(text) > maxArmour {
		return nil, ErrSize
	}
	text = bytes.TrimSpace(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")))
	block, _ := pem.Decode(text)
	if block == nil || len(block.Bytes) > most {
		return nil, ErrArmour
	}
	if !bytes.Equal(bytes.TrimSpace(armour(label, block.Bytes)), text) {
		return nil, ErrArmour // another type, headers, a second block, another way to wrap lines
	}
	return block.Bytes, nil
}
