package render

import (
	"slices"
	"strings"

	"golang.org/x/text/language"
)

// known is a language tag as readers of XML, and validators, know it: they have the codes
// of ISO 639-1 and 639-2, which BCP 47 has outgrown. Mandarin (cmn) is Chinese to them, and
// of a language that they cannot know the script is told. Content, and JSON Feed, have the
// language itself.
func known(tag string) string {
	base, _, _ := strings.Cut(tag, "-")
	if len(base) < 3 || slices.Contains(iso6392, base) {
		return tag
	}
	t := language.Make(tag)
	if wider, err := language.Macro.Canonicalize(t); err == nil && wider != t {
		return wider.String()
	}
	script, _ := t.Script()
	return "und-" + script.String()
}

// iso6392 are the codes of ISO 639-2 for languages that have none of two letters.
var iso6392 = strings.Fields(`ace ach ada ady afa afh ain akk ale alg alt ang anp apa arc arn arp art arw ast ath aus awa bad bai bal ban bas bat bej bem ber bho bik bin bla bnt
bra btk bua bug byn cad cai car cau ceb cel chb chg chk chm chn cho chp chr chy cmc cop cpe cpf cpp crh crp csb cus dak dar day del den dgr din doi
dra dsb dua dum dyu efi egy eka elx enm ewo fan fat fil fiu fon frm fro frr frs fur gaa gay gba gem gez gil gmh goh gon gor got grb grc gsw gwi hai
haw hil him hit hmn hsb hup iba ijo ilo inc ine inh ira iro jbo jpr jrb kaa kab kac kam kar kaw kbd kha khi kho kmb kok kos kpe krc kro kru kum kut
lad lah lam lez lol loz lua lui lun luo lus mad mag mai mak man map mas mdf mdr men mga mic min mis mkh mnc mni mno moh mos mul mun mus mwr myn myv
nah nai nap nds new nia nic niu nog non nso nub nwc nym nyn nyo nzi osa ota oto paa pag pal pam pap pau peo phi phn pon pra pro raj rap rar roa rom
rup sad sah sai sal sam sas sat scn sco sel sem sga sgn shn sid sio sit sla sma smi smj smn sms snk sog son srn srr ssa suk sus sux syr tai tem ter
tet tig tiv tkl tlh tli tmh tog tpi tsi tum tup tut tvl tyv udm uga umb und vai vot wak wal war was wen xal yao yap ypk zap zen znd zun`)
