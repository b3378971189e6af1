package org.modelfailover.gateway;
import org.junit.jupiter.api.Test;
class XTmpTest extends Scenario {
    private void show(String what, RawClient.Answer a) {
        System.out.println("## " + what + " " + a.head().version() + " " + a.status());
        a.head().headers().forEach(h -> System.out.println("##   " + h[0] + ": " + h[1]));
        System.out.println("##   " + a.text());
    }
    @Test void x() {
        ProviderProcess p = provider("target");
        deploy(api(p).endpoint("refusing", Client.refusingUrl()).failover(FailoverConfigs.target("gpt-4o", "one").attribute("maxRequestBody", "1000").attributes())
          .failover(FailoverConfigs.target("broken", "refusing").attributes())
          .failover(FailoverConfigs.target("slow~delay=400ms", "one").attributes())
          );
        for (String body : new String[] {"{", chat("broken"), chat("gpt-4o") + " ".repeat(2000), chat("slow~delay=400ms")}) {
            RawClient c = client();
            show(body.substring(0, Math.min(40, body.length())), c.post(body).answer());
            try { show(" again", c.post(body).answer()); } catch (AssertionError e) { System.out.println("## " + e); }
        }
    }
    @Test void host() {
        ProviderProcess p = provider("target");
        deploy(api().endpoint("one", Client.refusingUrl()).policy("<class name=\""+ ProbePolicy.class.getName() + "\"><property name=\"failure\" value=\"boom\"/></class>"));
            RawClient c = client();
            show("host's", c.post("{}").answer());
            try { show(" again", c.post("{}").answer()); } catch (AssertionError e) { System.out.println("## " + e); }
    }
    @Test void plain() {
        ProviderProcess p = provider("target");
        deploy(api().endpoint("one", Client.refusingUrl()));
            RawClient c = client();
            show("host's send", c.post("{}").answer());
            try { show(" again", c.post("{}").answer()); } catch (AssertionError e) { System.out.println("## " + e); }
    }
    @Test void noType() {
        ProviderProcess p = provider("target");
        deploy(api(p), FailoverConfigs.target("gpt-4o", "one"));
        byte[] body = chat("gpt-4o").getBytes();
        show("no type", client().send("POST /assistant/1.0.0/chat/completions HTTP/1.1\nHost: gateway\nContent-Length: " + body.length + "\n\n").send(body).answer());
        System.out.println("##" + p.calls());
    }
    @Test void noTypePlain() {
        ProviderProcess p = provider("target");
        deploy(api(p));
        byte[] body = chat("gpt-4o").getBytes();
        show("no type, no policy", client().send("POST /assistant/1.0.0/chat/completions HTTP/1.1\nHost: gateway\nContent-Length: " + body.length + "\n\n").send(body).answer());
        System.out.println("##" + p.calls());
    }
}
