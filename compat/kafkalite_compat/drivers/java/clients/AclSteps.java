package kafkalite.compat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AccessControlEntryFilter;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourcePatternFilter;
import org.apache.kafka.common.resource.ResourceType;

/** Administration of ACLs: literal names, any host. */
final class AclSteps {
    private static final String FIELDS = "resource name principal operation permission";

    private final Session session;

    AclSteps(Session session) {
        this.session = session;
    }

    void addTo(Steps steps) {
        steps.add("create_acl", FIELDS, this::create);
        steps.add("describe_acls", FIELDS, this::describe);
        steps.add("delete_acls", FIELDS, this::delete);
    }

    private Map<String, Object> create(Request request) throws Exception {
        session.admin().createAcls(Set.of(binding(request))).all().get();
        return Answer.DONE;
    }

    private Map<String, Object> describe(Request request) throws Exception {
        List<Object> acls = new ArrayList<>();
        for (AclBinding one : session.admin().describeAcls(filter(request)).values().get()) {
            acls.add(Answer.of(
                    "resource", one.pattern().resourceType().name().toLowerCase(),
                    "name", one.pattern().name(),
                    "principal", one.entry().principal(),
                    "operation", one.entry().operation().name().toLowerCase(),
                    "permission", one.entry().permissionType().name().toLowerCase()));
        }
        return Answer.of("acls", acls);
    }

    private Map<String, Object> delete(Request request) throws Exception {
        return Answer.of("deleted", session.admin().deleteAcls(Set.of(filter(request))).all().get().size());
    }

    private static AclBinding binding(Request request) {
        var pattern = new ResourcePattern(
                ResourceType.fromString(request.text("resource")), request.text("name"), PatternType.LITERAL);
        var entry = new AccessControlEntry(
                request.text("principal"),
                "*",
                AclOperation.fromString(request.text("operation")),
                AclPermissionType.fromString(request.text("permission")));
        return new AclBinding(pattern, entry);
    }

    /** A field that is not given matches any. */
    private static AclBindingFilter filter(Request request) {
        var pattern = new ResourcePatternFilter(
                ResourceType.fromString(request.text("resource", "any")), request.text("name"), PatternType.LITERAL);
        var entry = new AccessControlEntryFilter(
                request.text("principal"),
                null,
                AclOperation.fromString(request.text("operation", "any")),
                AclPermissionType.fromString(request.text("permission", "any")));
        return new AclBindingFilter(pattern, entry);
    }
}
