package org.modelfailover.host;

import java.util.List;

/** Values of {@code failoverConfigs} as the portal's editor and people write them. */
final class Configurations {
    private static final String T =
            "{'vendor':'','model':'gpt-4o','endpointId':'0d6e4c1c-6c6f-4a7c-8a0b-1f6f2d7c2e11',"
                    + "'endpointName':'prod-eu'}";
    private static final String NO_MODEL =
            "{'vendor':'','model':'','endpointId':'','endpointName':''}";
    private static final String E = "{'targetModel':" + NO_MODEL + ",'fallbackModels':[]}";

    static final String FULL =
            "{'production':{'targetModel':"
                    + T
                    + ",'fallbackModels':["
                    + T.replace("gpt-4o", "gpt-4o-mini")
                    + "]},'sandbox':{'targetModel':"
                    + T
                    + ",'fallbackModels':[]},'requestTimeout':'30','suspendDuration':'60'}";

    /** Shapes that the portal stores: {@code host/portal.md}. */
    static final List<String> OF_THE_PORTAL =
            List.of(
                    FULL,
                    "{'production':" + E + ",'sandbox':" + E + "}",
                    "{'production':" + E + ",'sandbox':" + E + ",'requestTimeout':''}",
                    "{'production':{'targetModel':"
                            + T
                            + ",'fallbackModels':[]},'sandbox':"
                            + E
                            + ",'suspendDuration':'.5'}",
                    // half-filled and empty rows
                    "{'production':{'targetModel':"
                            + NO_MODEL
                            + ",'fallbackModels':["
                            + T
                            + ","
                            + NO_MODEL
                            + "]},'sandbox':"
                            + E
                            + "}",
                    "{'production':{'targetModel':{'vendor':'Meta','model':'anthropic.claude-3',"
                            + "'endpointId':''},'fallbackModels':[]},'sandbox':{}}",
                    // names
                    FULL.replace("prod-eu", "O'Brien's endpoint"),
                    FULL.replace("prod-eu", "a \\' b & c < d {{ x }} {% y %} &apos;&quot;"),
                    FULL.replace("prod-eu", "x','model':'evil"),
                    FULL.replace("prod-eu", "\\\\ \\t é 漢字 🦜"),
                    // an unknown key, as a setting for this API
                    "{'idleTimeout':'15s','production':" + E + ",'sandbox':" + E + "}");

    /** Shapes that people write by hand or send through REST and apictl. */
    static final List<String> BY_HAND =
            List.of(
                    FULL.replace('\'', '"'),
                    FULL.replace("'", "&quot;"),
                    "{\"production\":{},\"sandbox\":{}}",
                    "{'sandbox':{}}",
                    "{\"sandbox\" : { } }",
                    "{\"production\":{\"targetModel\":{\"model\":\"m\",\"endpointId\":\"e\"}}}",
                    """
                    {
                      "production": {
                        "targetModel": {
                          "model": "gpt-4o",
                          "endpointId": "default_production_endpoint"
                        },
                        "fallbackModels": []
                      },
                      "sandbox": {}
                    }
                    """,
                    " \r\n\t{\"requestTimeout\":30,\"sandbox\":{\"fallbackModels\":[],\n"
                            + "\"targetModel\":{}}}\r\n");

    /** What a name, or the value of any attribute, may hold. */
    static final List<String> NASTY =
            List.of(
                    "O'Brien's endpoint",
                    "x','model':'evil",
                    "\"quoted\"",
                    "&quot;production&quot;",
                    "&amp; &lt; &#39; &apos; &nbsp; &unknown;",
                    "a & b < c > d",
                    "]]> <![CDATA[ x ]]> <!-- y --> <?z?>",
                    "<property name=\"x\"/>",
                    "\"/><class name=\"evil\"/>",
                    "{{ 7*7 }}",
                    "{{failoverConfigs}}",
                    "{% for i in range(3) %}x{% endfor %}",
                    "{% raw %}",
                    "{# comment #} {{ '{{' }} }} %} #}",
                    "{ { % } }",
                    "%41 %7B%7B 100% %",
                    "a+b c  d",
                    " leading and trailing ",
                    "line one\nline two\r\nline three\rend",
                    "tab\tand\ttab",
                    "\\ \\\\ \\n \\u0041 \\' \\\"",
                    "é ß Ω ж 漢字 ｆｕｌｌ",
                    "🦜 👩‍👩‍👧 𝕏",
                    "\u202e\u200b\u00a0\u2028",
                    "~!@#$^*()-_=[]|;:,.?/`",
                    "null",
                    "0",
                    "false",
                    "");

    static final List<String> SHAPELESS =
            List.of(
                    "",
                    " ",
                    "\n",
                    "{}",
                    " { } ",
                    "{}}",
                    "[]",
                    "[{}]",
                    "null",
                    "undefined",
                    "[object Object]",
                    "true",
                    "30",
                    "gpt-4o",
                    "some text about production and its targetModel",
                    "'production':{'targetModel':{}}",
                    "[{'production':{'targetModel':{}}}]",
                    "{'production':{'targetModel':{}}}x",
                    "x{'production':{'targetModel':{}}}",
                    "{production:{targetModel:{}}}",
                    "{'production':'targetModel'}",
                    "{'production':null,'sandbox':null}",
                    "{'production':[],'sandbox':[]}",
                    "{'production':'','sandbox':''}",
                    "{'production':{'model':'gpt-4o'}}",
                    "{'targetModel':{'model':'gpt-4o','endpointId':'e'}}",
                    "{'requestTimeout':'30'}",
                    "{{failoverConfigs}}",
                    "<failoverConfigs/>",
                    "{&amp;quot;production&amp;quot;:{}}");

    private Configurations() {}
}
