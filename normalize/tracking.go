package normalize

import "strings"

// tracking holds the query parameters that tell a server who sent a reader, and not
// which page is meant, by name in lower case. They are left out of keys and taken off
// the links in content. A name is listed only if no outlet is known to tell pages apart
// by it: "ref", "source", "from", "id" and "s" are not.
var tracking = map[string]bool{
	// Advertisers' click ids: Google, Meta, Microsoft, Yandex, X, TikTok, LinkedIn, Instagram, Snapchat, Pinterest, Impact, Branch, Outbrain.
	"gclid": true, "gclsrc": true, "dclid": true, "gbraid": true, "wbraid": true, "srsltid": true, "fbclid": true, "msclkid": true,
	"yclid": true, "ysclid": true, "_openstat": true, "twclid": true, "ttclid": true, "li_fat_id": true, "igshid": true, "igsh": true,
	"sccid": true, "epik": true, "irclickid": true, "_branch_match_id": true, "dicbo": true, "vero_id": true, "wickedid": true,
	// Analytics: Google, Matomo and Piwik, AT Internet, Adobe, Webtrends, Webtrekk.
	"_ga": true, "_gl": true, "xtor": true, "s_cid": true, "wt_mc": true, "wt.mc_id": true, "wt_zmc": true, "wt.z_": true, "icid": true,
	"mkt_tok": true, "trk_contact": true, "trk_msg": true, "trk_sid": true, "oly_anon_id": true, "oly_enc_id": true, "rb_clickid": true,
	// Mail: Mailchimp, HubSpot, Drip, Klaviyo.
	"mc_cid": true, "mc_eid": true, "_hsenc": true, "_hsmi": true, "__hssc": true, "__hstc": true, "__hsfp": true, "hsctatracking": true,
	"__s": true, "_ke": true, "ml_subscriber": true, "ml_subscriber_hash": true,
	// Outlets' own: Deutsche Welle, BBC, New York Times, Guardian, Spiegel and Süddeutsche, tagesschau, CNN, France 24, Le Monde, NPR.
	"maca": true, "at_medium": true, "at_campaign": true, "at_custom1": true, "at_custom2": true, "at_custom3": true, "at_custom4": true,
	"at_link_id": true, "at_link_type": true, "at_link_origin": true, "at_ptr_name": true, "at_bbc_team": true, "at_format": true,
	"cmp": true, "ns_mchannel": true, "ns_source": true, "ns_campaign": true, "ns_linkname": true, "ns_fee": true, "smid": true,
	"emc": true, "sara_ecid": true, "sara_ref": true, "ocid": true, "ftag": true, "ftcamp": true, "taid": true,
	"soc_src": true, "soc_trk": true, "guccounter": true, "guce_referrer": true, "guce_referrer_sig": true, "feature_share": true,
	// Editions of one page.
	"amp": true, "outputtype": true, "fb_action_ids": true, "fb_action_types": true, "fb_source": true, "fb_ref": true,
	"ref_src": true, "ref_url": true, "cx_testid": true, "cx_testvariant": true, "cx_artpos": true,
}

// trackingPrefixes begin whole families of such names.
var trackingPrefixes = [...]string{"utm_", "mtm_", "pk_", "piwik_", "matomo_", "hsa_", "stm_", "__twitter_", "wt_zmc", "itm_", "ga_"}

// longestTracking is the length of the longest name that is looked up.
const longestTracking = 32

// tracks reports whether a query parameter of this name tracks readers.
func tracks(name string) bool {
	if len(name) > longestTracking || len(name) < 2 {
		return false
	}
	var room [longestTracking]byte
	low := room[:len(name)]
	for i := range len(name) {
		low[i] = name[i]
		if 'A' <= low[i] && low[i] <= 'Z' {
			low[i] |= 0x20
		}
	}
	if tracking[string(low)] {
		return true
	}
	for _, prefix := range trackingPrefixes {
		if hasPrefix(low, prefix) {
			return true
		}
	}
	return false
}

// untracked takes the tracking parameters off an address and leaves every other byte.
func untracked(link string) string {
	mark := strings.IndexByte(link, '?')
	if mark < 0 {
		return link
	}
	end := len(link)
	if i := strings.IndexByte(link, '#'); i >= 0 {
		if i < mark {
			return link
		}
		end = i
	}
	query, found := link[mark+1:end], false
	for rest := query; rest != ""; {
		var param string
		param, rest, _ = strings.Cut(rest, "&")
		if tracks(paramName(param)) {
			found = true
			break
		}
	}
	if !found {
		return link
	}
	var b strings.Builder
	b.WriteString(link[:mark])
	sep := byte('?')
	for rest := query; rest != ""; {
		var param string
		param, rest, _ = strings.Cut(rest, "&")
		if tracks(paramName(param)) {
			continue
		}
		b.WriteByte(sep)
		b.WriteString(param)
		sep = '&'
	}
	b.WriteString(link[end:])
	return b.String()
}
